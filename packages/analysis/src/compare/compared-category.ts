import type { KernelRoles } from '../kernel-role.js';

/**
 * @returns the group in which a kernel is compared: by its name, for that is all that a captured trace tells of it; its
 * own category where the name tells nothing.
 */
export function comparedCategory(roles: KernelRoles, name: string, category: string): string {
  const byName = roles.of(name).category;
  return byName === 'other' ? category : byName;
}

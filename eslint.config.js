import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/dist/**', 'dist-test/**', 'node_modules/**', 'runs/**', '**/*.cjs'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        // One program for all packages, whose imports lead to what is built: a program each, from sources, takes six times
        // as long.
        project: ['tsconfig.lint.json', 'packages/*/src/client/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      // Numbers in messages are the rule here: ranks, nanoseconds, bytes.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // An element read by index may be missing although its type does not say so; checking for it is no mistake.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Maps filled by construction: that a key is there is an invariant, not a hope.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // There are no enums: rules that look for them in the type of every expression take a quarter of the time.
      'no-restricted-syntax': ['error', { selector: 'TSEnumDeclaration', message: 'Use a union of literals.' }],
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/prefer-literal-enum-member': 'off',
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: {
      // chai's property assertions are expressions; mocha's describe/it return void or promises by design.
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
);

/** The viewer that traces are handed to, and nobody else. */
export const PERFETTO = 'https://ui.perfetto.dev';

import { analyze as analyzeFiles } from '@epemu/analysis';
import type { Analysis, AnalysisOptions } from '@epemu/analysis';

/** What an analysis may be told. */
export type AnalyzeOptions = AnalysisOptions;

/**
 * Reads traces, emulated or captured, and finds overlap, exposed communication, who waits for whom and the critical path,
 * as `epemu analyze` does.
 * @param paths files and folders.
 * @returns what `epemu analyze --json` prints.
 * @throws BadInputError when what is there is no trace.
 */
export async function analyze(paths: string | readonly string[], options: AnalyzeOptions = {}): Promise<Analysis> {
  const { analysis } = await analyzeFiles(typeof paths === 'string' ? [paths] : [...paths], options);
  return analysis;
}

import { join } from 'node:path';
import type { AnalysedSet } from '../../analysis.js';
import { prepareExportFolder } from '../output-folder.js';
import { writeFileFrom } from '../write-file.js';
import type { ExportOutcome } from '../write-file.js';
import { exchangesOf } from './exchanges.js';
import { RankNodes } from './nodes.js';
import { chakraNotes } from './notes.js';
import { CHAKRA_VERSION } from './schema.js';
import type { ChakraAttribute, ChakraMetadata, ChakraNode } from './schema.js';

/** Characters handed on at once. */
const CHUNK_CHARACTERS = 1 << 16;

function metadataOf(rank: number, { set }: AnalysedSet, notes: readonly string[]): ChakraMetadata {
  const { worldSize, scenario } = set.facts;
  const attr: ChakraAttribute[] = [
    { name: 'producer', string_val: 'epemu analyze' },
    { name: 'source', string_val: set.source },
    ...(scenario === undefined ? [] : [{ name: 'scenario', string_val: scenario }]),
    { name: 'rank', int32_val: rank },
    ...(worldSize === undefined ? [] : [{ name: 'world_size', int32_val: worldSize }]),
    ...(notes.length === 0 ? [] : [{ name: 'notes', string_list: { values: notes } }]),
  ];
  return { version: CHAKRA_VERSION, attr };
}

/** The file's text in pieces, a node a line. */
function* fileText(metadata: ChakraMetadata, nodes: Iterable<ChakraNode>): Generator<string> {
  let text = `{"global_metadata":${JSON.stringify(metadata)},\n"nodes":[`;
  let separator = '\n';
  for (const node of nodes) {
    text += separator + JSON.stringify(node);
    separator = ',\n';
    if (text.length < CHUNK_CHARACTERS) continue;
    yield text;
    text = '';
  }
  yield `${text}\n]}\n`;
}

/**
 * Writes an execution trace of each rank in the form of MLCommons Chakra's messages, as JSON, into a folder that is new
 * or empty: a node a kernel, but for transfers, which are a send or a receive a peer where bytes are known.
 *
 * @throws BadInputError where the folder will not do; EpemuError where the disk does not take a file.
 */
export async function writeChakra(analysed: AnalysedSet, out: string): Promise<ExportOutcome> {
  const folder = prepareExportFolder('--chakra', out);
  const { set, collectives } = analysed;
  const exchanges = exchangesOf(set, collectives);
  const notes = chakraNotes(set, exchanges);
  const files: string[] = [];
  for (const view of set.ranks) {
    const path = join(folder, `chakra.${view.rank}.json`);
    const nodes = new RankNodes(view, set.facts, exchanges.byRank.get(view.rank)!).nodes();
    await writeFileFrom(path, fileText(metadataOf(view.rank, analysed, notes), nodes));
    files.push(path);
  }
  return { files, notes };
}

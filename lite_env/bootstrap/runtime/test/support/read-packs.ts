/**
 * Reads many packs in one process, for Python's tests: the folders come as JSON on stdin, and of each goes what the
 * runtime's reader found in it, or the message of its failure, as JSON to stdout.
 */
import { readFileSync } from 'node:fs';
import { describe } from '../../src/errors';
import { readPack, type ReadPack } from './read-pack';

const folders = JSON.parse(readFileSync(0, 'utf8')) as string[];
const found: (ReadPack | { failure: string })[] = [];
for (const folder of folders) {
  found.push(await readPack(folder).catch((error: unknown) => ({ failure: describe(error) })));
}
process.stdout.write(JSON.stringify(found));

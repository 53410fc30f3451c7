/** Answers for Python's tests what the installer makes of texts and bytes: cases as JSON on stdin, answers on stdout. */
import { readFileSync } from 'node:fs';
import { fromBase64, toBase64 } from '../../src/base64';
import { bunzip } from '../../src/installer/bzip2';
import { splitCell } from '../../src/installer/cell';
import { holds, parseRequirement } from '../../src/installer/requirement';
import { compareVersions, fits, parseSpecifiers, parseVersion, type Version } from '../../src/installer/version';
import { splitWords } from '../../src/installer/words';

type Case = [string, ...string[]];

function answer([what, first = '', second = '']: Case): unknown {
  switch (what) {
    case 'compare':
      return Math.sign(compareVersions(parseVersion(first) as Version, parseVersion(second) as Version));
    case 'fits':
      return fits(parseVersion(first) as Version, parseSpecifiers(second) ?? []);
    case 'specifiers':
      return parseSpecifiers(first) !== null;
    case 'holds':
      return holds(parseRequirement(`x; ${first}`).marker, JSON.parse(second) as Record<string, string>);
    case 'requirement': {
      const { name, extras, url } = parseRequirement(first);
      return [name, extras, url];
    }
    case 'words':
      return splitWords(first);
    case 'cell':
      return splitCell(first, second);
    case 'bunzip': {
      const pieces: Uint8Array[] = [];
      bunzip(fromBase64(first), piece => pieces.push(piece) > 0);
      return pieces.map(toBase64);
    }
    default:
      throw new Error(what);
  }
}

const cases = JSON.parse(readFileSync(0, 'utf8')) as Case[];
const answers = cases.map(it => {
  try {
    return { is: answer(it) };
  } catch (error) {
    return { failed: (error as Error).name };
  }
});
process.stdout.write(JSON.stringify(answers));

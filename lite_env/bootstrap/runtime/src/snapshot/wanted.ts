/** What is wanted of snapshots: by who visits a site, and by what a start tells of itself. */
import type { SnapshotFigures } from '../protocol';

/** Whether the next start would have something that this one had not. */
export function wantsSnapshot(figures: SnapshotFigures | undefined): boolean {
  return figures !== undefined && figures.possible && (figures.seconds === null || wantsPreload(figures));
}

/** Whether modules are to be preloaded, and nobody has tried. */
export function wantsPreload(figures: SnapshotFigures | undefined): boolean {
  const { modules, done, why } = figures?.preload ?? { modules: [], done: false, why: '' };
  return figures?.possible === true && modules.length > 0 && !done && why === '';
}

/** Whether kernels of this page have any: the site may say no, and so may the page's address with `?snapshot=off`. */
export function areWanted(bySite = true): boolean {
  return bySite && new URLSearchParams(location.search).get('snapshot') !== 'off';
}

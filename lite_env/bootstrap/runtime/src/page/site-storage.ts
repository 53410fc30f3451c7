/**
 * The storage behind this page's `/drive`. Sites in other folders of the same origin (`user.github.io/a/`, `/b/`) have
 * others; once there was one for all of them, whose files each takes over.
 */
export function siteStorage(
  name: string,
  { pathname }: Pick<Location, 'pathname'>
): { readonly name: string; readonly takesOver?: string } {
  return name === '' ? { name: pathname.slice(0, pathname.lastIndexOf('/') + 1), takesOver: '' } : { name };
}

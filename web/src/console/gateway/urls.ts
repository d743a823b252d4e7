/** Links name the gateway as the outside reaches it; the page asks the host that it came from, and no other. */
export function toRelativeUrl(link: string): string {
  const { pathname, search } = new URL(link);
  return pathname + search;
}

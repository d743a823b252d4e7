/** URLs contain the public address of the gateway. The page must stay on the host that served it. */
export function toRelativeUrl(link: string): string {
  const { pathname, search } = new URL(link);
  return pathname + search;
}

/**
 * A path of the gateway as a URL, relative to the page: a proxy may serve the gateway below a path of its own. All pages
 * lie at the root of the gateway.
 */
export function gatewayUrl(path: string): string {
  return new URL(path, document.baseURI).href;
}

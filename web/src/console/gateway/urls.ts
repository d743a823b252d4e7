import { gatewayUrl } from '../../paths';

/** Links contain the public address of the gateway. The page must stay on the host, and below the path, that served it. */
export function toRelativeUrl(link: string): string {
  const { pathname, search } = new URL(link);
  const start = pathname.search(/\/(images|uploads)\//);
  return gatewayUrl(pathname.slice(start + 1) + search);
}

import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';
import { fetchJson } from '../http';
import { resolveOperation } from './operation';
import { gatewayUrl } from '../paths';

type Headers = Record<string, string>;

const forbidden = 4403;

/** Sends the current content of the headers editor, as HTTP headers or as connection params of a subscription. */
export function createFetcher(initialHeaders: Headers): Fetcher {
  return (params, options) => {
    // The first introspection runs before the headers editor exists.
    const isFirstIntrospection = params.operationName === 'IntrospectionQuery' && !options?.headers;
    const headers = isFirstIntrospection ? initialHeaders : lowerCased(options?.headers);
    const { documentAST, operationName } = resolveOperation(params);
    const run = createGraphiQLFetcher({
      url: gatewayUrl('graphql'),
      fetch: fetchJson,
      // Lazy: nothing connects unless this operation is a subscription.
      wsClient: createClient({
        url: gatewayUrl('graphql').replace(/^http/, 'ws'),
        connectionParams: headers,
        // Otherwise graphql-ws retries for half a minute before it reports a rejected token.
        shouldRetry: (event) => event instanceof CloseEvent && event.code !== forbidden,
      }),
    });
    return run({ ...params, operationName }, { headers, documentAST });
  };
}

/** Header names are case-insensitive, connection params are not. */
function lowerCased(headers: Headers = {}): Headers {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { ConnectionLost, socketClient, testClient } from './lib/client.mjs';

testClient('Apollo Client', (gateway, token) => {
  const authorization = `Bearer ${token}`;
  const socket = socketClient(gateway, token);
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      new HttpLink({ uri: `${gateway.url}/graphql`, headers: { authorization } }),
    ),
    cache: new InMemoryCache(),
  });

  return {
    query: async (document, variables) => (await client.query({ query: gql(document), variables })).data,
    mutate: async (document, variables) => (await client.mutate({ mutation: gql(document), variables })).data,
    async *subscribe(document, variables) {
      for await (const { data, error } of iterate(client.subscribe({ query: gql(document), variables }))) {
        if (error) throw CombinedGraphQLErrors.is(error) ? error : new ConnectionLost(error.message);
        yield data;
      }
    },
    close: () => {
      client.stop();
      return socket.dispose();
    },
  };
});

/** Returns a stream that buffers the values of an observable until they are read. */
function iterate(observable) {
  let subscription;
  return new ReadableStream({
    start(controller) {
      subscription = observable.subscribe({
        next: (value) => controller.enqueue(value),
        error: (error) => controller.error(error),
        complete: () => controller.close(),
      });
    },
    cancel: () => subscription.unsubscribe(),
  });
}

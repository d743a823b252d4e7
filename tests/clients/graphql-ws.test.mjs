import { fromIterator, socketClient, testClient } from './lib/client.mjs';

testClient('graphql-ws', (gateway, token) => fromIterator(socketClient(gateway, token), ({ code }) => code === 1006));

import { iterating, socketClient, testClient } from './lib/client.mjs';

testClient('graphql-ws', (gateway, token) => iterating(socketClient(gateway, token), ({ code }) => code === 1006));

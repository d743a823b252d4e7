// Fastify with Mercurius, which compiles an operation when it has run once. Its answers are those of the gateway.

import Fastify from "fastify";
import mercurius from "mercurius";
import { ownerOf } from "./common.mjs";
import { contextOf, resolvers, typeDefs } from "./schema.mjs";

const app = Fastify();
app.decorateRequest("owner", null);
app.addHook("onRequest", async (request, reply) => {
  request.owner = ownerOf(request.headers.authorization);
  if (request.owner === null) return reply.code(401).send({ errors: [{ message: "invalid token" }] });
});
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  context: (request) => contextOf(request.owner),
  jit: 1,
});

await app.listen({ host: "127.0.0.1", port: 0 });
console.log(app.server.address().port);

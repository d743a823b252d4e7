// GraphQL Yoga on node:http. Its answers are those of the gateway, with the fields in another order.

import { createServer } from "node:http";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { listen, ownerOf } from "./common.mjs";
import { contextOf, resolvers, typeDefs } from "./schema.mjs";

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context({ request }) {
    const owner = ownerOf(request.headers.get("authorization"));
    if (owner === null) throw new GraphQLError("invalid token", { extensions: { http: { status: 401 } } });
    return contextOf(owner);
  },
  graphiql: false,
  landingPage: false,
  logging: "error",
});

listen(createServer(yoga));

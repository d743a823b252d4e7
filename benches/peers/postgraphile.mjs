// PostGraphile over the tables, read only.
//
// Its queries are postgraphile-task.graphql and postgraphile-page.graphql. Their answers have the same data as those
// of the gateway, except: `rowId` is the UUID, `model` is its id, with `provider` beside it, images are in `nodes`
// and have `mediaType`, cursors have another format, and Postgres prints `createdAt`: with microseconds and +00:00.

import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { TYPES } from "postgraphile/@dataplan/pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { context, get, lambda, object } from "postgraphile/grafast";
import { GraphQLError } from "postgraphile/graphql";
import { grafserv } from "postgraphile/grafserv/node";
import { sql } from "postgraphile/pg-sql2";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { extendSchema, gql, wrapPlans } from "postgraphile/utils";
import { costOf, dateTime, failureOf, imageLink, listen, ownerOf, poolSettings, PROVIDERS } from "./common.mjs";

// PostGraphile is made for Node 22. All that it misses in Node 20 is this function.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((...functions) => ([resolve, reject] = functions));
  return { promise, resolve, reject };
};

/** Of the tables, the schema has only tasks, by id and as a list, and their images. */
const only = (isShown) => ({ override: (behavior, entity) => (isShown(entity) ? behavior : [behavior, "-*"]) });
const tasksAndImages = {
  name: "TasksAndImages",
  schema: {
    entityBehavior: {
      pgResource: only(({ name }) => name === "tasks"),
      pgResourceUnique: only(([{ name }, { isPrimary }]) => name === "tasks" && isPrimary),
      pgCodecRelation: only(({ remoteResource }) => remoteResource.name === "images"),
    },
  },
};

/** Adds the owner to the WHERE of each statement. */
const onlyOfOwner = wrapPlans({
  Query: {
    taskByRowId(plan) {
      const $task = plan();
      whereOwner($task.getClassStep());
      return $task;
    },
    allTasks(plan) {
      const $connection = plan();
      whereOwner($connection.getSubplan());
      return $connection;
    },
  },
  Task: {
    imagesByTaskId(plan) {
      const $connection = plan();
      const $images = $connection.getSubplan();
      whereOwner($images);
      for (const attribute of ["job", "position"]) $images.orderBy({ attribute, direction: "ASC" });
      return $connection;
    },
  },
});

function whereOwner($select) {
  const owner = $select.placeholder(context().get("owner"), TYPES.text);
  $select.where(sql`${$select.alias}.owner = ${owner}`);
}

/** What the gateway computes from the columns. */
const computed = extendSchema({
  typeDefs: gql`
    extend type Task {
      provider: String!
      requestedImages: Int!
      failure: TaskFailure
      cost: TaskCost!
      version: Int!
      updatedAt: String!
    }
    extend type Image {
      url: String!
    }
    type TaskFailure {
      code: String!
      message: String!
      retryable: Boolean!
    }
    type TaskCost {
      reserved: Float!
      settled: Float
    }
  `,
  objects: {
    Task: {
      plans: {
        provider: ($task) => lambda($task.get("model"), (model) => PROVIDERS[model], true),
        requestedImages: ($task) => get($task.get("request"), "count"),
        failure: ($task) => lambda($task.get("state"), failureOf, true),
        cost: ($task) => lambda($task.get("state"), costOf, true),
        version: ($task) => get($task.get("state"), "version"),
        updatedAt: ($task) => lambda($task.get("state"), (state) => dateTime(state.updated_at), true),
      },
    },
    Image: {
      plans: {
        url($image) {
          const columns = ["task_id", "job", "position", "media_type"];
          return lambda(object(Object.fromEntries(columns.map((name) => [name, $image.get(name)]))), imageLink, true);
        },
      },
    },
  },
});

const { connectionString, max } = poolSettings;
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [tasksAndImages, onlyOfOwner, computed],
  pgServices: [makePgService({ connectionString, poolConfig: { max } })],
  schema: { defaultBehavior: "-insert -update -delete -node" },
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false },
  grafast: {
    context({ node }) {
      const owner = ownerOf(node.req.headers.authorization);
      if (owner === null) throw Object.assign(new GraphQLError("invalid token"), { statusCode: 401 });
      return { owner };
    },
  },
});

const server = createServer();
await instance.createServ(grafserv).addTo(server);
listen(server);

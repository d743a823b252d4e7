// The part of schema.graphql that the two queries of the benchmark use, with its resolvers.
// A query runs two statements: one for the tasks, and one for the images of all these tasks.

import DataLoader from "dataloader";
import pg from "pg";
import { costOf, dateTime, failureOf, imageLink, poolSettings, PROVIDERS, publicId } from "./common.mjs";

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;

export const typeDefs = /* GraphQL */ `
  scalar DateTime
  scalar URI

  type Query {
    task(id: ID!): Task
    tasks(first: Int, after: String): TaskConnection!
  }

  type TaskConnection {
    nodes: [Task!]!
    pageInfo: PageInfo!
  }

  type PageInfo {
    hasNextPage: Boolean!
    endCursor: String
  }

  type Task {
    id: ID!
    status: TaskStatus!
    prompt: String!
    model: Model!
    requestedImages: Int!
    images: [Image!]!
    failure: TaskFailure
    cost: TaskCost!
    version: Int!
    createdAt: DateTime!
    updatedAt: DateTime!
  }

  enum TaskStatus {
    QUEUED
    UNCONFIRMED
    GENERATING
    STORING
    SUCCEEDED
    FAILED
    CANCELED
  }

  type Model {
    id: ID!
    provider: String!
  }

  type Image {
    id: ID!
    url: URI!
    width: Int!
    height: Int!
    contentType: String!
  }

  type TaskFailure {
    code: FailureCode!
    message: String!
    retryable: Boolean!
  }

  enum FailureCode {
    CONTENT_REJECTED
    GENERATION_FAILED
    INTERNAL
    INVALID_INPUT
    RESULT_EXPIRED
    RESULT_INVALID
    SUBMIT_UNCONFIRMED
    UPSTREAM_AUTH
    UPSTREAM_CREDITS
    UPSTREAM_TIMEOUT
    UPSTREAM_UNAVAILABLE
  }

  type TaskCost {
    reserved: Float!
    settled: Float
  }
`;

export const resolvers = {
  Query: {
    task: (_, { id }, { owner }) => findTask(owner, id),
    tasks: (_, { first, after }, { owner }) => listTasks(owner, first ?? DEFAULT_PAGE_SIZE, after),
  },
  Task: {
    id: (task) => publicId("task", task.id),
    model: ({ model }) => ({ id: model, provider: PROVIDERS[model] }),
    requestedImages: (task) => task.count,
    images: (task, _, { images }) => images.load(task.id),
    failure: (task) => failureOf(task.state),
    cost: (task) => costOf(task.state),
    version: (task) => task.state.version,
    createdAt: (task) => dateTime(task.created_at),
    updatedAt: (task) => dateTime(task.state.updated_at),
  },
  Image: {
    id: (image) => publicId("image", image.id),
    url: imageLink,
    contentType: (image) => image.media_type,
  },
};

/** The context of a request of this user. */
export function contextOf(owner) {
  return { owner, images: new DataLoader((tasks) => listImages(owner, tasks)) };
}

const pool = new pg.Pool(poolSettings);
const TASKS = `SELECT id, model, prompt, status, created_at, state, (request ->> 'count')::integer AS count
  FROM tasks WHERE owner = $1`;

/** Runs a statement that Postgres keeps prepared under its name. */
async function read(name, text, values) {
  return (await pool.query({ name, text, values })).rows;
}

async function findTask(owner, id) {
  if (!/^task_[0-9a-f]{32}$/.test(id)) return null;
  const [task] = await read("task", `${TASKS} AND id = $2`, [owner, id.slice("task_".length)]);
  return task;
}

async function listTasks(owner, first, after) {
  const size = Math.min(Math.max(first, 0), MAX_PAGE_SIZE);
  const olderThan = after ? Buffer.from(after, "base64url").toString("hex") : "f".repeat(32);
  // One more than the page, to know whether there is a next page.
  const text = `${TASKS} AND id < $2 ORDER BY id DESC LIMIT $3`;
  const found = await read("tasks", text, [owner, olderThan, size + 1]);
  const nodes = found.slice(0, size);
  const endCursor = nodes.length > 0 ? cursor(nodes.at(-1).id) : null;
  return { nodes, pageInfo: { hasNextPage: found.length > size, endCursor } };
}

/** The images of each of these tasks. */
async function listImages(owner, tasks) {
  const text = `SELECT id, task_id, job, position, width, height, media_type
    FROM images WHERE owner = $1 AND task_id = ANY ($2) ORDER BY job, position`;
  const byTask = new Map(tasks.map((task) => [task, []]));
  for (const image of await read("images", text, [owner, tasks])) byTask.get(image.task_id).push(image);
  return [...byTask.values()];
}

function cursor(uuid) {
  return Buffer.from(uuid.replaceAll("-", ""), "hex").toString("base64url");
}

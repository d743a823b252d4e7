// What all peers share: settings, tokens, the start, and what the gateway computes from the columns of a task.

import { createHmac } from "node:crypto";
import { createVerifier } from "fast-jwt";

const { DATABASE_URL, PLANTAIN_JWT_AUDIENCE, PLANTAIN_JWT_SECRET, PLANTAIN_PUBLIC_URL, PLANTAIN_SECRET } = process.env;
const HOUR = 3600;
const EXTENSIONS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };
const NOT_RETRYABLE = ["CONTENT_REJECTED", "INVALID_INPUT"];

/** The settings of the pool of connections to Postgres. */
export const poolSettings = { connectionString: DATABASE_URL, max: 10 };

/** The provider of each model. */
export const PROVIDERS = {
  "nano-banana": "nano-banana",
  "nano-banana-2": "nano-banana",
  "nano-banana-pro": "nano-banana",
  "flux-kontext-pro": "flux-kontext",
  "flux-kontext-max": "flux-kontext",
  "ace/nano-banana": "ace-data",
  "ace/nano-banana-2-lite": "ace-data",
  "ace/nano-banana-2": "ace-data",
  "ace/nano-banana-pro": "ace-data",
};

const verify = createVerifier({
  key: PLANTAIN_JWT_SECRET,
  algorithms: ["HS256"],
  allowedAud: PLANTAIN_JWT_AUDIENCE,
  requiredClaims: PLANTAIN_JWT_AUDIENCE ? ["exp", "sub", "aud"] : ["exp", "sub"],
  clockTolerance: 30_000,
});

/** The `sub` of the token in the header `Authorization`; null when the token is not valid. */
export function ownerOf(authorization) {
  try {
    const [scheme, token] = authorization.split(" ");
    return scheme === "Bearer" ? verify(token).sub : null;
  } catch {
    return null;
  }
}

/** Binds a server of node:http to a free port, and prints the port. */
export function listen(server) {
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

/** A public id, such as `task_…`. */
export function publicId(type, uuid) {
  return `${type}_${uuid.replaceAll("-", "")}`;
}

/** The same signed link to an image as that of the gateway. It expires at a full hour, in one to two hours. */
export function imageLink({ task_id, job, position, media_type }) {
  const path = `${publicId("task", task_id)}/${job}-${position}/original.${EXTENSIONS[media_type]}`;
  const expires = (Math.floor(Date.now() / 1000 / HOUR) + 2) * HOUR;
  const signer = createHmac("sha256", PLANTAIN_SECRET).update(`image ${path} ${expires}`);
  return `${PLANTAIN_PUBLIC_URL}/images/${path}?expires=${expires}&signature=${signer.digest("base64url")}`;
}

/** The object TaskFailure, from the column `state`. */
export function failureOf({ failure }) {
  return failure && { ...failure, retryable: !NOT_RETRYABLE.includes(failure.code) };
}

/** The object TaskCost, from the column `state`, which has thousandths of credits. */
export function costOf({ reserved, settled }) {
  return { reserved: reserved / 1000, settled: settled === null ? null : settled / 1000 };
}

/** A time as the gateway prints it. */
export function dateTime(time) {
  return new Date(time).toISOString();
}

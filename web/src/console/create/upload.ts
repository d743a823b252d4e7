import type { Client } from '@urql/core';
import { CreateUploadDocument } from '../../gql/graphql';
import { toRelativeUrl } from '../gateway/urls';
import { describeError } from '../gateway/errors';
import type { Input } from './draft';

const sentWithinMs = 120_000;

/** Sends a file to the gateway, to be edited there; answers with what is now known of it. */
export async function upload(client: Client, file: File): Promise<Pick<Input, 'source' | 'problem'>> {
  const announcement = { byteSize: file.size, contentType: file.type };
  const { data, error } = await client.mutation(CreateUploadDocument, { input: announcement });
  if (!data) return { problem: error ? describeError(error) : 'The gateway gave no answer.' };
  const created = data.createUpload;
  if (!('putUrl' in created)) return { problem: created.message };
  const problem = await send(created.putUrl, file);
  return problem === null ? { source: { uploadId: created.id } } : { problem };
}

async function send(putUrl: string, file: File): Promise<string | null> {
  try {
    const answer = await fetch(toRelativeUrl(putUrl), {
      method: 'PUT',
      body: file,
      headers: { 'content-type': file.type },
      signal: AbortSignal.timeout(sentWithinMs),
    });
    return answer.ok ? null : await problemOf(answer);
  } catch {
    return 'It could not be sent. Remove it, and add it again.';
  }
}

async function problemOf(answer: Response): Promise<string> {
  const problem: { detail?: string; title?: string } = await answer.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `The gateway answered ${answer.status}.`;
}

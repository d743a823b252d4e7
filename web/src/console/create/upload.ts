import type { Client } from '@urql/core';
import { CreateUploadDocument } from '../../gql/graphql';
import { describeError } from '../gateway/errors';
import { toRelativeUrl } from '../gateway/urls';
import { messages } from '../messages';
import type { InputImage } from './draft';

const uploadTimeoutMs = 120_000;

/** Uploads a file to the gateway. Resolves to the changes of its input image. */
export async function upload(client: Client, file: File): Promise<Pick<InputImage, 'source' | 'errorMessage'>> {
  const input = { byteSize: file.size, contentType: file.type };
  const { data, error } = await client.mutation(CreateUploadDocument, { input });
  if (!data) return { errorMessage: error ? describeError(error) : messages.errors.noResponse };
  const created = data.createUpload;
  if (!('putUrl' in created)) return { errorMessage: created.message };
  const errorMessage = await put(created.putUrl, file);
  return errorMessage === null ? { source: { uploadId: created.id } } : { errorMessage };
}

async function put(putUrl: string, file: File): Promise<string | null> {
  try {
    const response = await fetch(toRelativeUrl(putUrl), {
      method: 'PUT',
      body: file,
      headers: { 'content-type': file.type },
      signal: AbortSignal.timeout(uploadTimeoutMs),
    });
    return response.ok ? null : await errorMessageOf(response);
  } catch {
    return messages.create.uploadFailed;
  }
}

async function errorMessageOf(response: Response): Promise<string> {
  const details: { detail?: string; title?: string } = await response.json().catch(() => ({}));
  return details.detail ?? details.title ?? messages.create.uploadRejected(response.status);
}

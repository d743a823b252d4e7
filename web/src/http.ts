import { messages } from './messages';

/** Like fetch, but says in plain words what is wrong when the gateway is away or something else answers for it. */
export async function fetchJson(...request: Parameters<typeof fetch>): Promise<Response> {
  const response = await fetch(...request).catch(() => {
    throw withoutStack(messages.unreachable(location.origin));
  });
  const type = response.headers.get('content-type') ?? messages.noContentType;
  if (!/[/+]json\b|^multipart\/mixed\b/.test(type)) {
    const path = new URL(response.url).pathname;
    throw withoutStack(messages.notJson(path, response.status, type));
  }
  return response;
}

function withoutStack(message: string) {
  const error = new Error(message);
  // GraphiQL would show it, and it says nothing to the reader.
  delete error.stack;
  return error;
}

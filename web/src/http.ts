import { messages } from './messages';

/** `fetch` with clear errors if the gateway is unreachable or the response is not JSON. */
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
  // GraphiQL would show the stack trace, which does not help the user.
  delete error.stack;
  return error;
}

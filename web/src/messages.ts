/** The texts that both pages share: why a request for JSON failed. */
export const messages = {
  unreachable: (origin: string) => `The gateway at ${origin} cannot be reached. Check that it is running, then reload.`,
  noContentType: 'no content type',
  notJson: (path: string, status: number, type: string) =>
    `${path} returned status ${status} with ${type} instead of JSON.`,
  failed: (path: string, status: number) => `${path} returned status ${status}.`,
} as const;

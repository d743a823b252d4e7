/** The texts that both pages share: why a page could not load its configuration. */
export const messages = {
  unreachable: (origin: string) => `The gateway at ${origin} cannot be reached. Is it running?`,
  noContentType: 'no content type',
  notJson: (path: string, status: number, type: string) =>
    `${path} answered ${status} with ${type} where JSON was expected.`,
  failed: (path: string, status: number) => `${path} answered ${status}.`,
} as const;

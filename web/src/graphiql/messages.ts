/** Every text of this page that GraphiQL itself does not bring. */
export const messages = {
  startup: (reason: string) => `GraphiQL could not start: ${reason}`,
  reload: 'Try again',
} as const;

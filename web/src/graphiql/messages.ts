/** The texts of this page that do not come from GraphiQL itself. */
export const messages = {
  startup: (reason: string) => `GraphiQL could not start. ${reason}`,
  reload: 'Reload',
} as const;

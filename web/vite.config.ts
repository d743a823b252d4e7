import { defineConfig } from 'vite';

export default defineConfig({
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // The content security policy lets scripts, styles and workers come from files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco is one large chunk by nature.
    chunkSizeWarningLimit: 8000,
    rolldownOptions: {
      input: { graphiql: 'graphiql.html' },
      onLog(level, log, handle) {
        // GraphiQL's dependencies say 'use client', which means nothing outside a server.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
});

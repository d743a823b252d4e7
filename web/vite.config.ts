import { defineConfig } from 'vite';
import { compression } from 'vite-plugin-compression2';

const gateway = process.env.PLANTAIN_URL ?? 'http://127.0.0.1:4000';

export default defineConfig({
  // Relative paths: a proxy may serve the gateway below a path of its own.
  base: './',
  // GraphiQL's workers cannot be bundled ahead.
  optimizeDeps: { entries: ['index.html'] },
  worker: { format: 'es' },
  plugins: [compression({ algorithms: ['gzip', 'brotliCompress'], threshold: 1000 })],
  // `npm run dev` shows the pages as they are edited, in front of a gateway that runs already.
  server: {
    proxy: {
      '/graphql': { target: gateway, ws: true },
      '^/(images|uploads)/': gateway,
      '/config.json': gateway,
    },
  },
  build: {
    target: 'es2022',
    // The content security policy lets scripts, styles and workers come from files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco is one large chunk by nature.
    chunkSizeWarningLimit: 8000,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { console: 'index.html', graphiql: 'graphiql.html' },
      onLog(level, log, handle) {
        // GraphiQL's dependencies say 'use client', which means nothing outside a server.
        // That compressing takes time is known.
        if (!['MODULE_LEVEL_DIRECTIVE', 'PLUGIN_TIMINGS'].includes(log.code ?? '')) handle(level, log);
      },
    },
  },
});

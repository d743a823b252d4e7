import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Builds a page into a folder with the Vite of its package, serves it, and returns its URL. */
export async function servePage(t, root, outDir, env) {
  const vite = createRequire(join(root, 'package.json')).resolve('vite');
  const { build, preview } = await import(pathToFileURL(vite));
  Object.assign(process.env, env);
  const options = { root, logLevel: 'warn', build: { outDir, emptyOutDir: true } };
  await build(options);
  const server = await preview({ ...options, preview: { host: '127.0.0.1', port: 0 } });
  t.after(() => server.close());
  return `http://127.0.0.1:${server.httpServer.address().port}/`;
}

import { defineConfig } from 'vite';

export default defineConfig({
  // These two alone: what else begins with PLANTAIN_ may be a secret.
  envPrefix: ['PLANTAIN_URL', 'PLANTAIN_TOKEN'],
  build: { target: 'es2022' },
});

import { defineConfig } from 'vite';

export default defineConfig({
  // Only these two: other variables that start with PLANTAIN_ may be secrets.
  envPrefix: ['PLANTAIN_URL', 'PLANTAIN_TOKEN'],
  build: { target: 'es2022' },
});

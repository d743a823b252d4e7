// Writes src/gql: the types of the console's operations, by schema.graphql.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { preset } from '@graphql-codegen/client-preset';
import { codegen } from '@graphql-codegen/core';
import { buildASTSchema, parse } from 'graphql';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const operations = path('src/console/operations/');

const schema = parse(await readFile(path('../schema.graphql'), 'utf8'));
const names = (await readdir(operations)).sort();
const documents = await Promise.all(
  names.map(async (location) => {
    const rawSDL = await readFile(operations + location, 'utf8');
    return { location, document: parse(rawSDL), rawSDL };
  }),
);

// The command line of GraphQL Code Generator does the same, but needs 200 packages that read schemas from elsewhere.
const files = await preset.buildGeneratesSection({
  baseOutputDir: path('src/gql/'),
  schema,
  schemaAst: buildASTSchema(schema),
  documents,
  config: {
    useTypeImports: true,
    enumsAsTypes: true,
    scalars: { ID: 'string', DateTime: 'string', URI: 'string', JSON: 'unknown' },
  },
  presetConfig: { fragmentMasking: false },
  plugins: [],
  pluginMap: {},
});

await mkdir(path('src/gql'), { recursive: true });
for (const file of files) await writeFile(file.filename, await codegen(file));

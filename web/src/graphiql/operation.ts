import type { FetcherParams } from '@graphiql/toolkit';
import { Kind, parse, type DocumentNode } from 'graphql';

interface Operation {
  documentAST?: DocumentNode;
  operationName?: string;
}

/**
 * The operation to run. GraphiQL's `operationName` can be outdated: right after a change of tabs it is the name of the previous
 * tab.
 */
export function resolveOperation({ query, operationName }: FetcherParams): Operation {
  try {
    const documentAST = parse(query);
    const names = documentAST.definitions.map((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION ? definition.name?.value : undefined,
    );
    const name = operationName && names.includes(operationName) ? operationName : onlyName(names);
    return { documentAST, operationName: name };
  } catch {
    // The gateway reports syntax errors.
    return {};
  }
}

function onlyName(names: (string | undefined)[]) {
  const [name, ...more] = names.filter((candidate) => candidate !== undefined);
  return more.length === 0 ? name : undefined;
}

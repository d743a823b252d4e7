import type { BoardKind } from '../../gql/graphql';

export const kinds: readonly { kind: BoardKind; label: string; purpose: string }[] = [
  { kind: 'MOODBOARD', label: 'Moodboard', purpose: 'for ideas' },
  { kind: 'SHOWCASE', label: 'Showcase', purpose: 'for results' },
];

export const kindLabel = (kind: BoardKind) => kinds.find((known) => known.kind === kind)?.label ?? kind;

import type { BoardKind } from '../../gql/graphql';

export const kinds: readonly { kind: BoardKind; label: string; use: string }[] = [
  { kind: 'MOODBOARD', label: 'Moodboard', use: 'for ideas' },
  { kind: 'SHOWCASE', label: 'Showcase', use: 'for results' },
];

export const labelOf = (kind: BoardKind) => kinds.find((known) => known.kind === kind)?.label ?? kind;

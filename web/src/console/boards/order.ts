interface Placed {
  id: string;
}

/** The list with this entry before another, or at its end. */
export function moved<Node extends Placed>(
  nodes: readonly Node[],
  id: string,
  beforeId: string | null,
): readonly Node[] {
  const entry = nodes.find((node) => node.id === id);
  if (!entry || id === beforeId) return nodes;
  const others = nodes.filter((node) => node !== entry);
  const place = others.findIndex((node) => node.id === beforeId);
  return others.toSpliced(place < 0 ? others.length : place, 0, entry);
}

export function BoardLinks() { return null; }

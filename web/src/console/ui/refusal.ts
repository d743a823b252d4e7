/** Why a form was not taken: by field where it is about one. */
export interface Refusal {
  fields?: readonly { path: readonly string[]; message: string }[];
  message: string;
}

export function problemAt(refusal: Refusal | undefined, field: string): string | undefined {
  const problems = refusal?.fields?.filter(({ path }) => path[0] === field) ?? [];
  return problems.map(({ message }) => message).join(' ') || undefined;
}

/** What no field of the form shows. */
export function problemElsewhere(refusal: Refusal | undefined, shown: readonly string[]): string | undefined {
  if (!refusal?.fields) return refusal?.message;
  const others = refusal.fields.filter(({ path }) => !shown.includes(path[0] ?? ''));
  return others.map(({ message }) => message).join(' ') || undefined;
}

/** Why a form was rejected, by field if the error concerns a field. */
export interface FormError {
  fields?: readonly { path: readonly string[]; message: string }[];
  message: string;
}

export function fieldErrorMessage(error: FormError | undefined, field: string): string | undefined {
  const errors = error?.fields?.filter(({ path }) => path[0] === field) ?? [];
  return errors.map(({ message }) => message).join(' ') || undefined;
}

/** The errors that no field of the form shows. */
export function formErrorMessage(error: FormError | undefined, shownFields: readonly string[]): string | undefined {
  if (!error?.fields) return error?.message;
  const others = error.fields.filter(({ path }) => !shownFields.includes(path[0] ?? ''));
  return others.map(({ message }) => message).join(' ') || undefined;
}

import { useCatalog } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { Field } from '../ui/Field';
import type { FilterFields } from './filter';

interface Props {
  fields: FilterFields;
  onChange: (fields: FilterFields) => void;
  oldestFirst: boolean;
  onOldestFirst: (oldestFirst: boolean) => void;
}

/** Filters tasks of all users while the fields change. */
export function FilterForm({ fields, onChange, oldestFirst, onOldestFirst }: Props) {
  const { providers } = useCatalog();
  const set = (name: keyof FilterFields) => (value: string) => onChange({ ...fields, [name]: value });
  return (
    <form className="card filter-form" aria-label={messages.operate.filter} onSubmit={(event) => event.preventDefault()}>
      <TextField label={messages.operate.user} value={fields.userId} onChange={set('userId')} />
      <SelectField
        label={messages.operate.status}
        value={fields.status}
        onChange={set('status')}
        options={Object.entries(messages.common.statuses)}
      />
      <SelectField
        label={messages.operate.provider}
        value={fields.provider}
        onChange={set('provider')}
        options={providers.map(({ name }) => [name, messages.common.provider(name)])}
      />
      <SelectField
        label={messages.operate.failure}
        value={fields.failure}
        onChange={set('failure')}
        options={Object.entries(messages.operate.failures)}
      />
      <TextField
        label={messages.operate.olderThan}
        type="number"
        value={fields.olderThanMinutes}
        onChange={set('olderThanMinutes')}
      />
      <TextField label={messages.operate.since} type="datetime-local" value={fields.since} onChange={set('since')} />
      <TextField label={messages.operate.until} type="datetime-local" value={fields.until} onChange={set('until')} />
      <label className="row">
        <input type="checkbox" checked={oldestFirst} onChange={(event) => onOldestFirst(event.target.checked)} />
        {messages.operate.oldestFirst}
      </label>
    </form>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

function TextField({ label, value, onChange, type = 'text' }: FieldProps & { type?: string }) {
  return (
    <Field label={label}>
      {(props) => <input {...props} type={type} value={value} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}

function SelectField({ label, value, onChange, options }: FieldProps & { options: [string, string][] }) {
  return (
    <Field label={label}>
      {(props) => (
        <select {...props} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">{messages.operate.any}</option>
          {options.map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

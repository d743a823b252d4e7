import { useCatalog } from '../gateway/CatalogProvider';
import { messages } from '../messages';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { noFilter, statusGroups, type Filter, type StatusGroup } from './filter';

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

const statusGroupNames: Record<StatusGroup, string> = {
  running: messages.gallery.inProgress,
  succeeded: messages.common.taskStatus.SUCCEEDED,
  failed: messages.common.taskStatus.FAILED,
  canceled: messages.common.taskStatus.CANCELED,
};

export function Filters({ filter, onChange }: Props) {
  const change = (changes: Partial<Filter>) => {
    const next = { ...filter, ...changes };
    const isEmpty = Object.values(next).every((value) => value === '');
    onChange(isEmpty ? noFilter : next);
  };
  return (
    <search className="filters row">
      <h2>{messages.common.history}</h2>
      <label className="search">
        <Icon name="search" />
        <span className="visually-hidden">{messages.gallery.search}</span>
        <input
          type="search"
          placeholder={messages.gallery.searchPlaceholder}
          value={filter.prompt}
          onChange={({ target }) => change({ prompt: target.value })}
        />
      </label>
      <label>
        <span className="visually-hidden">{messages.gallery.status}</span>
        <select value={filter.status} onChange={({ target }) => change({ status: target.value as Filter['status'] })}>
          <option value="">{messages.gallery.anyStatus}</option>
          {Object.keys(statusGroups).map((group) => (
            <option key={group} value={group}>
              {statusGroupNames[group as StatusGroup]}
            </option>
          ))}
        </select>
      </label>
      <MoreFilters filter={filter} change={change} />
      {filter !== noFilter && (
        <button type="button" className="quiet" onClick={() => onChange(noFilter)}>
          {messages.gallery.clearFilters}
        </button>
      )}
    </search>
  );
}

function MoreFilters({ filter, change }: { filter: Filter; change: (changes: Partial<Filter>) => void }) {
  const { models } = useCatalog();
  const activeCount = [filter.kind, filter.model, filter.from, filter.to].filter(Boolean).length;
  return (
    <Popover trigger={messages.gallery.moreFilters(activeCount)}>
      <div className="stack">
        <label className="field">
          {messages.common.kind}
          <select value={filter.kind} onChange={({ target }) => change({ kind: target.value as Filter['kind'] })}>
            <option value="">{messages.gallery.anyKind}</option>
            <option value="GENERATE">{messages.gallery.generated}</option>
            <option value="EDIT">{messages.gallery.edited}</option>
          </select>
        </label>
        <label className="field">
          {messages.common.model}
          <select value={filter.model} onChange={({ target }) => change({ model: target.value })}>
            <option value="">{messages.gallery.anyModel}</option>
            {models.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <label className="field">
          {messages.gallery.from}
          <input
            type="date"
            value={filter.from}
            max={filter.to}
            onChange={({ target }) => change({ from: target.value })}
          />
        </label>
        <label className="field">
          {messages.gallery.to}
          <input
            type="date"
            value={filter.to}
            min={filter.from}
            onChange={({ target }) => change({ to: target.value })}
          />
        </label>
      </div>
    </Popover>
  );
}

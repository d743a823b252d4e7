import { useCatalog } from '../gateway/CatalogProvider';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { noFilter, statusGroups, type Filter, type StatusGroup } from './filter';

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

const statusGroupNames: Record<StatusGroup, string> = {
  running: 'Running',
  ready: 'Ready',
  failed: 'Failed',
  canceled: 'Canceled',
};

/** Which part of the history is shown. */
export function Filters({ filter, onChange }: Props) {
  const change = (changes: Partial<Filter>) => {
    const next = { ...filter, ...changes };
    const isEmpty = Object.values(next).every((value) => value === '');
    onChange(isEmpty ? noFilter : next);
  };
  return (
    <search className="filters row">
      <h2>History</h2>
      <label className="search">
        <Icon name="search" />
        <span className="visually-hidden">Search</span>
        <input
          type="search"
          placeholder="Words …"
          value={filter.prompt}
          onChange={({ target }) => change({ prompt: target.value })}
        />
      </label>
      <label>
        <span className="visually-hidden">Status</span>
        <select value={filter.status} onChange={({ target }) => change({ status: target.value as Filter['status'] })}>
          <option value="">Any status</option>
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
          Show everything
        </button>
      )}
    </search>
  );
}

function MoreFilters({ filter, change }: { filter: Filter; change: (changes: Partial<Filter>) => void }) {
  const { models } = useCatalog();
  const activeCount = [filter.kind, filter.model, filter.from, filter.to].filter(Boolean).length;
  return (
    <Popover trigger={activeCount > 0 ? `More filters (${activeCount})` : 'More filters'}>
      <div className="stack">
        <label className="field">
          Kind
          <select value={filter.kind} onChange={({ target }) => change({ kind: target.value as Filter['kind'] })}>
            <option value="">Any</option>
            <option value="GENERATE">Made from words</option>
            <option value="EDIT">Edited</option>
          </select>
        </label>
        <label className="field">
          Made by
          <select value={filter.model} onChange={({ target }) => change({ model: target.value })}>
            <option value="">Any model</option>
            {models.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </label>
        <label className="field">
          From
          <input
            type="date"
            value={filter.from}
            max={filter.to}
            onChange={({ target }) => change({ from: target.value })}
          />
        </label>
        <label className="field">
          To
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

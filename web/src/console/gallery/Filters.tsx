import { useCatalog } from '../gateway/CatalogProvider';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';
import { everything, standings, type Filter, type Standing } from './filter';

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
}

const standingNames: Record<Standing, string> = {
  running: 'Running',
  ready: 'Ready',
  failed: 'Failed',
  canceled: 'Canceled',
};

/** Which part of the history is shown. */
export function Filters({ filter, onChange }: Props) {
  const change = (part: Partial<Filter>) => {
    const next = { ...filter, ...part };
    const blank = Object.values(next).every((value) => value === '');
    onChange(blank ? everything : next);
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
          value={filter.words}
          onChange={({ target }) => change({ words: target.value })}
        />
      </label>
      <label>
        <span className="visually-hidden">Status</span>
        <select value={filter.status} onChange={({ target }) => change({ status: target.value as Filter['status'] })}>
          <option value="">Any status</option>
          {Object.keys(standings).map((standing) => (
            <option key={standing} value={standing}>
              {standingNames[standing as Standing]}
            </option>
          ))}
        </select>
      </label>
      <More filter={filter} change={change} />
      {filter !== everything && (
        <button type="button" className="quiet" onClick={() => onChange(everything)}>
          Show everything
        </button>
      )}
    </search>
  );
}

function More({ filter, change }: { filter: Filter; change: (part: Partial<Filter>) => void }) {
  const { models } = useCatalog();
  const set = [filter.kind, filter.model, filter.from, filter.to].filter(Boolean).length;
  return (
    <Popover trigger={set > 0 ? `More filters (${set})` : 'More filters'}>
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

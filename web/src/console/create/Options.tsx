import type { ReactNode } from 'react';
import type { OutputFormat, Resolution } from '../../gql/graphql';
import { useBoards } from '../boards/boards';
import { useFieldDescription } from '../ui/Field';
import { problemAt, type Refusal } from '../ui/refusal';
import { Popover } from '../ui/Popover';
import type { Choices } from './choices';
import type { Draft } from './draft';
import { ModelPicker } from './ModelPicker';
import { ShapePicker } from './ShapePicker';

interface Props {
  draft: Draft;
  choices: Choices;
  refusal?: Refusal;
  onChange: (part: Partial<Draft>) => void;
}

/** The fields of a request that are chosen here. */
export const optionFields = ['model', 'aspectRatio', 'count', 'resolution', 'outputFormat', 'boardId'] as const;

const resolutionNames: Record<Resolution, string> = { R1K: '1K', R2K: '2K', R4K: '4K' };
const formatNames: Record<OutputFormat, string> = { JPEG: 'JPEG', PNG: 'PNG' };

export function Options({ draft, choices, refusal, onChange }: Props) {
  const { model, aspectRatio, count, resolution, outputFormat, boardId } = draft;
  const at = (field: (typeof optionFields)[number]) => problemAt(refusal, field);
  const counts = Array.from({ length: choices.maxImages }, (_, index) => index + 1);
  return (
    <div className="options">
      <Option problem={at('model')}>
        <Popover trigger={<Chosen label="Model" value={model ?? 'Automatic'} />}>
          <ModelPicker chosen={model} offered={choices.models} onChange={(model) => onChange({ model })} />
        </Popover>
      </Option>
      {choices.aspectRatios.length > 0 && (
        <Option problem={at('aspectRatio')}>
          <Popover trigger={<Chosen label="Shape" value={aspectRatio ?? 'Auto'} />}>
            <ShapePicker
              chosen={aspectRatio}
              offered={choices.aspectRatios}
              onChange={(aspectRatio) => onChange({ aspectRatio })}
            />
          </Popover>
        </Option>
      )}
      {counts.length > 1 && (
        <Option problem={at('count')}>
          <Segments
            legend="Images"
            value={count}
            options={counts}
            name={String}
            onChange={(count) => onChange({ count })}
          />
        </Option>
      )}
      {choices.resolutions.length > 1 && (
        <Option problem={at('resolution')}>
          <Segments
            legend="Size"
            value={resolution}
            options={[null, ...choices.resolutions]}
            name={(each) => (each ? resolutionNames[each] : 'Auto')}
            onChange={(resolution) => onChange({ resolution })}
          />
        </Option>
      )}
      {choices.outputFormats.length > 1 && (
        <Option problem={at('outputFormat')}>
          <Segments
            legend="Format"
            value={outputFormat}
            options={[null, ...choices.outputFormats]}
            name={(each) => (each ? formatNames[each] : 'Auto')}
            onChange={(outputFormat) => onChange({ outputFormat })}
          />
        </Option>
      )}
      <Option problem={at('boardId')}>
        <BoardField chosen={boardId} onChange={(boardId) => onChange({ boardId })} />
      </Option>
    </div>
  );
}

/** Where the images are put when they are ready. */
function BoardField({ chosen, onChange }: { chosen: string | null; onChange: (board: string | null) => void }) {
  const boards = useBoards();
  if (boards.length === 0) return null;
  return (
    <label className="board-field">
      <span className="hint">Board</span>
      <select value={chosen ?? ''} onChange={({ target }) => onChange(target.value || null)}>
        <option value="">None</option>
        {boards.map(({ id, title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

function Option({ problem, children }: { problem?: string; children: ReactNode }) {
  const { inputProps, description } = useFieldDescription(undefined, problem);
  return (
    <div className="option" role="group" aria-describedby={inputProps['aria-describedby']}>
      {children}
      {description}
    </div>
  );
}

function Chosen({ label, value }: { label: string; value: string }) {
  return (
    <>
      <span className="hint">{label}</span> {value}
    </>
  );
}

interface SegmentsProps<T> {
  legend: string;
  value: T;
  options: T[];
  name: (option: T) => string;
  onChange: (option: T) => void;
}

function Segments<T>({ legend, value, options, name, onChange }: SegmentsProps<T>) {
  return (
    <fieldset className="segments">
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={name(option)}>
          <input type="radio" name={legend} checked={option === value} onChange={() => onChange(option)} />
          <span>{name(option)}</span>
        </label>
      ))}
    </fieldset>
  );
}

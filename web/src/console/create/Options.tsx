import type { ReactNode } from 'react';
import { useBoards } from '../boards/BoardsProvider';
import { messages } from '../messages';
import { useFieldDescription } from '../ui/Field';
import { fieldErrorMessage, type FormError } from '../ui/formError';
import { Popover } from '../ui/Popover';
import { AspectRatioPicker } from './AspectRatioPicker';
import type { AvailableOptions } from './availableOptions';
import type { Draft } from './draft';
import { ModelPicker } from './ModelPicker';

interface Props {
  draft: Draft;
  available: AvailableOptions;
  formError?: FormError;
  onChange: (changes: Partial<Draft>) => void;
}

/** Fields whose errors are shown next to the option. */
export const optionFields = ['model', 'aspectRatio', 'count', 'resolution', 'outputFormat', 'boardId'] as const;

export function Options({ draft, available, formError, onChange }: Props) {
  const { model, aspectRatio, count, resolution, outputFormat, boardId } = draft;
  const errorAt = (field: (typeof optionFields)[number]) => fieldErrorMessage(formError, field);
  const counts = Array.from({ length: available.maxImages }, (_, index) => index + 1);
  return (
    <div className="options">
      <Option errorMessage={errorAt('model')}>
        <Popover trigger={<OptionLabel label={messages.common.model} value={model ?? messages.create.anyModel} />}>
          <ModelPicker selected={model} selectable={available.models} onChange={(model) => onChange({ model })} />
        </Popover>
      </Option>
      {available.aspectRatios.length > 0 && (
        <Option errorMessage={errorAt('aspectRatio')}>
          <Popover
            trigger={<OptionLabel label={messages.common.aspectRatio} value={aspectRatio ?? messages.common.auto} />}
          >
            <AspectRatioPicker
              selected={aspectRatio}
              aspectRatios={available.aspectRatios}
              onChange={(aspectRatio) => onChange({ aspectRatio })}
            />
          </Popover>
        </Option>
      )}
      {counts.length > 1 && (
        <Option errorMessage={errorAt('count')}>
          <SegmentedControl
            legend={messages.common.images}
            value={count}
            options={counts}
            format={String}
            onChange={(count) => onChange({ count })}
          />
        </Option>
      )}
      {available.resolutions.length > 1 && (
        <Option errorMessage={errorAt('resolution')}>
          <SegmentedControl
            legend={messages.create.resolution}
            value={resolution}
            options={[null, ...available.resolutions]}
            format={(value) => (value ? messages.create.resolutions[value] : messages.common.auto)}
            onChange={(resolution) => onChange({ resolution })}
          />
        </Option>
      )}
      {available.outputFormats.length > 1 && (
        <Option errorMessage={errorAt('outputFormat')}>
          <SegmentedControl
            legend={messages.create.outputFormat}
            value={outputFormat}
            options={[null, ...available.outputFormats]}
            format={(value) => (value ? messages.create.outputFormats[value] : messages.common.auto)}
            onChange={(outputFormat) => onChange({ outputFormat })}
          />
        </Option>
      )}
      <Option errorMessage={errorAt('boardId')}>
        <BoardField selected={boardId} onChange={(boardId) => onChange({ boardId })} />
      </Option>
    </div>
  );
}

function BoardField({ selected, onChange }: { selected: string | null; onChange: (board: string | null) => void }) {
  const boards = useBoards();
  if (boards.length === 0) return null;
  return (
    <label className="board-field">
      <span className="hint">{messages.common.board}</span>
      <select value={selected ?? ''} onChange={({ target }) => onChange(target.value || null)}>
        <option value="">{messages.create.noBoard}</option>
        {boards.map(({ id, title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

function Option({ errorMessage, children }: { errorMessage?: string; children: ReactNode }) {
  const { inputProps, description } = useFieldDescription(undefined, errorMessage);
  return (
    <div className="option" role="group" aria-describedby={inputProps['aria-describedby']}>
      {children}
      {description}
    </div>
  );
}

function OptionLabel({ label, value }: { label: string; value: string }) {
  return (
    <>
      <span className="hint">{label}</span> {value}
    </>
  );
}

interface SegmentedControlProps<T> {
  legend: string;
  value: T;
  options: T[];
  format: (option: T) => string;
  onChange: (option: T) => void;
}

function SegmentedControl<T>({ legend, value, options, format, onChange }: SegmentedControlProps<T>) {
  return (
    <fieldset className="segmented-control">
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={format(option)}>
          <input type="radio" name={legend} checked={option === value} onChange={() => onChange(option)} />
          <span>{format(option)}</span>
        </label>
      ))}
    </fieldset>
  );
}

import { useState } from 'react';
import { Composer } from '../create/Composer';
import { useStill } from '../ui/useStill';
import { Filters } from './Filters';
import { everything } from './filter';
import { Gallery } from './Gallery';
import { useHistory } from './useHistory';

const whileTypingMs = 250;

/** Where images are asked for and seen to arrive, with all that were made before. */
export function StudioPage() {
  const [filter, setFilter] = useState(everything);
  const history = useHistory(useStill(filter, whileTypingMs));
  return (
    <div className="page">
      <h1 className="unseen">Create images</h1>
      <Composer />
      <Filters filter={filter} onChange={setFilter} />
      <Gallery {...history} filtered={filter !== everything} />
    </div>
  );
}

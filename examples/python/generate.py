"""Makes an image, tells what happens to it, and saves it: python generate.py 'a tin robot watering basil' robot"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import httpx
from gql import Client, gql
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import ConnectionClosed

URL = os.environ.get('PLANTAIN_URL', 'http://127.0.0.1:4000') + '/graphql'
AUTHORIZATION = {'authorization': 'Bearer ' + os.environ.get('PLANTAIN_TOKEN', '')}
LONGEST_WAIT = 10  # seconds

STATE = 'fragment State on Task { version status metadata failure { message advice } images { url contentType } }'
GENERATE = """
mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { ... on TaskAccepted { task { ...State } } ... on UserError { message } }
}"""
EVENTS = 'subscription ($after: String) { taskEvents(after: $after) { cursor task { ...State } } }'


def request(document: str, variables: dict):
    made = gql(document + STATE)
    made.variable_values = variables
    return made


async def generate(prompt: str, run: str) -> dict:
    """Asks for the image. Asked again with the same key, it is the same task, and is paid for once."""
    asked = request(GENERATE, {'input': {'prompt': prompt, 'idempotencyKey': run, 'metadata': {'run': run}}})
    async with Client(transport=HTTPXAsyncTransport(URL, headers=AUTHORIZATION)) as session:
        result = (await session.execute(asked))['generateImages']
    if 'task' not in result:
        raise ValueError(result['message'])
    return result['task']


async def states(prompt: str, run: str) -> AsyncIterator[dict]:
    """The task as each change left it, whatever happens to the connection."""
    cursor, wait = None, 0.5
    while True:
        socket = WebsocketsTransport(
            'ws' + URL.removeprefix('http'),
            init_payload=AUTHORIZATION,
            ping_interval=20,
            pong_timeout=10,
        )
        try:
            async with (
                Client(transport=socket) as session,
                aclosing(session.subscribe(request(EVENTS, {'after': cursor}))) as events,
            ):
                heard = asyncio.ensure_future(anext(events))
                try:
                    if cursor is None:
                        # Asked for once somebody listens. What happened before the first event is in the answer.
                        yield await generate(prompt, run)
                    while True:
                        event = (await heard)['taskEvents']
                        cursor, wait = event['cursor'], 0.5
                        if event['task']['metadata'] == {'run': run}:
                            yield event['task']
                        heard = asyncio.ensure_future(anext(events))
                finally:
                    heard.cancel()
                    await asyncio.wait([heard])
        except (TransportError, httpx.TransportError, OSError) as error:
            if is_refusal(error):
                raise
            print(f'The connection is lost ({error.__cause__ or error}); once more in {wait} s.', file=sys.stderr)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)


def is_refusal(error: Exception) -> bool:
    """Whether the gateway heard us and said no: asking again would change nothing."""
    closed = error.__cause__
    if isinstance(closed, ConnectionClosed):
        return closed.rcvd is not None and closed.rcvd.code >= 4400
    status = getattr(error, 'code', None)
    return getattr(error, 'errors', None) is not None or (status is not None and status < 500)


async def main(prompt: str, file: str) -> None:
    version = 0
    async with aclosing(states(prompt, run=str(uuid4()))) as changes:
        async for task in changes:
            # The answer of the mutation and the event of it are one version.
            if task['version'] <= version:
                continue
            version = task['version']
            print(task['status'], flush=True)
            if task['status'] in ('SUCCEEDED', 'FAILED', 'CANCELED'):
                break

    if not task['images']:
        raise ValueError('{message} {advice}'.format(**task['failure'] or {'message': 'Canceled.', 'advice': ''}))
    image = task['images'][0]
    path = Path(file).with_suffix('.' + image['contentType'].removeprefix('image/'))
    async with httpx.AsyncClient() as http:
        path.write_bytes((await http.get(image['url'])).raise_for_status().content)
    print(path)


if __name__ == '__main__':
    if len(sys.argv) < 2 or 'PLANTAIN_TOKEN' not in os.environ:
        sys.exit('PLANTAIN_TOKEN=… python generate.py PROMPT [FILE]')
    try:
        asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else 'image'))
    except (ValueError, TransportError) as error:
        sys.exit(str(error.__cause__ or error))

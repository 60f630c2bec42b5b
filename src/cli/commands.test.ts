/** What the help says of commands without loading them is what the commands say themselves. */
import { expect, it } from 'vitest'
import { commands } from './commands.js'

it.each(commands)('$form', async ({ form, description, load }) => {
  const command = await load()
  const places = command.registeredArguments.map(argument => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  expect(form).toBe([command.name(), ...(command.options.length > 0 ? ['[options]'] : []), ...places].join(' '))
  expect(description).toBe(command.description())
})

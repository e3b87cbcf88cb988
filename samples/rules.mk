# The demo and what it runs. Guests are added here.

samples: ## the sample guests

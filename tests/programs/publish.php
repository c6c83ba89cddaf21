<?php

// What Symfony's component sends: one update with all fields, one with only what must be there.
require 'Symfony/Component/Mercure/autoload.php';
require 'Symfony/Component/HttpClient/autoload.php';

use Symfony\Component\Mercure\Hub;
use Symfony\Component\Mercure\Jwt\StaticTokenProvider;
use Symfony\Component\Mercure\Update;

$hub = new Hub($argv[1], new StaticTokenProvider($argv[2]));
echo $hub->publish(new Update(['https://example.com/books/1', 'other'], "é & +\nsecond", true, 'urn:book:1', 'added', 1500)), "\n";
echo $hub->publish(new Update('https://example.com/books/1', '{"status": "OutOfStock"}')), "\n";
